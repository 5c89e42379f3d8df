"""The megabyte that is encoded: prose, code, numbers, several scripts, emoji; no two paragraphs alike."""

from __future__ import annotations

import random

PHRASES = (
    "The coconut palm leans over the harbour wall, and nobody remembers who planted it.",
    "Every measurement carries an uncertainty; a number without one is only half a result.",
    "Die Übersetzung des Gedichts dauerte länger als seine Entstehung, was niemanden überraschte.",
    "L’été dernier, nous avons mesuré la température de l’eau chaque matin à sept heures.",
    "Москва просыпается медленно, и первые трамваи звенят на поворотах.",
    "東京の朝は静かで、駅前のパン屋だけがもう開いている。",
    "今天的天气很好，我们一起去公园散步吧。",
    "تشرق الشمس ببطء فوق المدينة القديمة.",
    "बारिश के बाद मिट्टी की खुशबू हर जगह फैल जाती है।",
    "def mean(values: list[float]) -> float:\n    return sum(values) / len(values)",
    'for (let i = 0; i < rows.length; i += 1) {\n  console.log(`${i}: ${rows[i]["name"]}`);\n}',
    "SELECT city, COUNT(*) AS n FROM visits WHERE year >= 2019 GROUP BY city ORDER BY n DESC;",
    "👩🏽‍🚀 launched 🚀 at 06:42, orbit 408 km, cost $1,234,567.89 (≈ €1.14 million).",
)


def mixed_text(n_bytes: int, seed: int = 0) -> str:
    """A text of about ``n_bytes`` UTF-8 bytes, the same for the same seed."""
    rng = random.Random(seed)  # noqa: S311 - a text, not a secret
    parts: list[str] = []
    size = 0
    while size < n_bytes:
        # Numbers between the phrases keep a tokenizer's word cache from answering everything.
        part = f"{rng.choice(PHRASES)} [{rng.randrange(10 ** rng.randrange(1, 12))}]{rng.choice((' ', chr(10)))}"
        parts.append(part)
        size += len(part.encode())
    return "".join(parts)
