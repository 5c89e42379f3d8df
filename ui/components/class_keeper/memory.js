// What a browser remembers of its classes, as data.

/** @typedef {{ student: string | null, teacher: string | null, at: number }} Held the id of a student, the secret of a teacher, and when */
/** @typedef {{ [code: string]: Held }} Memory */

const MOST = 50;
const DAYS = 10 * 24 * 3600 * 1000;

/**
 * The secret in the part of an address after "#", where the teacher's own link has it; null for none.
 * @param {string} hash
 */
export function secretIn(hash) {
  return /^#teacher=([A-Za-z0-9_-]{22,64})$/.exec(hash)?.[1] ?? null;
}

/**
 * The memory with what is now known of a class. A student who is remembered stays who they are: one browser is one.
 * A secret comes in once the server has found it right: whoever sends a teacher a link with another takes nothing away.
 * @param {Memory} memory
 * @param {string} code
 * @param {{ student: string | null, teacher: string | null }} known
 * @param {number} now milliseconds since 1970
 * @returns {Memory}
 */
export function merged(memory, code, known, now) {
  const before = memory[code];
  const student = before?.student ?? known.student;
  const teacher = known.teacher ?? before?.teacher ?? null;
  const fresh = Object.entries(memory).filter(([name, held]) => name !== code && now - held.at < DAYS);
  if (student === null && teacher === null) return Object.fromEntries(fresh);
  const same = before && before.student === student && before.teacher === teacher;
  const kept = fresh.sort((a, b) => b[1].at - a[1].at).slice(0, MOST - 1);
  return Object.fromEntries([...kept, [code, { student, teacher, at: same ? before.at : now }]]);
}
