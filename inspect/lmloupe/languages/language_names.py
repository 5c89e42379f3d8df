"""Which headings of a table are names of languages: tags, English names, and the languages' own names."""

from __future__ import annotations

import re

__all__ = ["is_language"]

# ISO 639-1, with the names that people write; a few more that have three letters alone.
_KNOWN = """
aa Afar,ab Abkhazian,ae Avestan,af Afrikaans,ak Akan,am Amharic,an Aragonese,ar Arabic,as Assamese,av Avaric,ay Aymara,
az Azerbaijani,ba Bashkir,be Belarusian,bg Bulgarian,bi Bislama,bm Bambara,bn Bengali,bo Tibetan,br Breton,bs Bosnian,
ca Catalan,ce Chechen,ch Chamorro,co Corsican,cr Cree,cs Czech,cu Slavonic,cv Chuvash,cy Welsh,da Danish,de German,
dv Maldivian,dz Dzongkha,ee Ewe,el Greek,en English,eo Esperanto,es Spanish,et Estonian,eu Basque,fa Persian,ff Fulah,
fi Finnish,fj Fijian,fo Faroese,fr French,fy Frisian,ga Irish,gd Gaelic,gl Galician,gn Guarani,gu Gujarati,gv Manx,
ha Hausa,he Hebrew,hi Hindi,ho Motu,hr Croatian,ht Haitian,hu Hungarian,hy Armenian,hz Herero,ia Interlingua,
id Indonesian,ie Occidental,ig Igbo,ii Yi,ik Inupiaq,io Ido,is Icelandic,it Italian,iu Inuktitut,ja Japanese,
jv Javanese,ka Georgian,kg Kongo,ki Kikuyu,kj Kuanyama,kk Kazakh,kl Greenlandic,km Khmer,kn Kannada,ko Korean,kr Kanuri,
ks Kashmiri,ku Kurdish,kv Komi,kw Cornish,ky Kyrgyz,la Latin,lb Luxembourgish,lg Ganda,li Limburgish,ln Lingala,lo Lao,
lt Lithuanian,lu Katanga,lv Latvian,mg Malagasy,mh Marshallese,mi Maori,mk Macedonian,ml Malayalam,mn Mongolian,
mr Marathi,ms Malay,mt Maltese,my Burmese,na Nauru,nb Bokmål,nd Ndebele,ne Nepali,ng Ndonga,nl Dutch,nn Nynorsk,
no Norwegian,nr Ndebele,nv Navajo,ny Chichewa,oc Occitan,oj Ojibwa,om Oromo,or Odia,os Ossetian,pa Punjabi,pi Pali,
pl Polish,ps Pashto,pt Portuguese,qu Quechua,rm Romansh,rn Rundi,ro Romanian,ru Russian,rw Kinyarwanda,sa Sanskrit,
sc Sardinian,sd Sindhi,se Sami,sg Sango,si Sinhala,sk Slovak,sl Slovenian,sm Samoan,sn Shona,so Somali,sq Albanian,
sr Serbian,ss Swati,st Sotho,su Sundanese,sv Swedish,sw Swahili,ta Tamil,te Telugu,tg Tajik,th Thai,ti Tigrinya,
tk Turkmen,tl Tagalog,tn Tswana,to Tongan,tr Turkish,ts Tsonga,tt Tatar,tw Twi,ty Tahitian,ug Uyghur,uk Ukrainian,
ur Urdu,uz Uzbek,ve Venda,vi Vietnamese,vo Volapük,wa Walloon,wo Wolof,xh Xhosa,yi Yiddish,yo Yoruba,za Zhuang,
zh Chinese,zu Zulu,yue Cantonese,ceb Cebuano,ckb Sorani,fil Filipino,haw Hawaiian,hmn Hmong,ilo Ilocano,gsw Alemannic,
sco Scots,zh Mandarin,fa Farsi,fa Dari,ro Moldovan,my Myanmar,km Cambodian,ny Nyanja,si Sinhalese,or Oriya,el Hellenic,
gd Scottish,cu Church,no Norsk,tlh Klingon,en British,en American,mai Maithili,bho Bhojpuri,awa Awadhi,sat Santali
"""
_PAIRS = [pair.strip().split(" ", 1) for pair in _KNOWN.split(",")]
_NAMES = {name.casefold() for _, name in _PAIRS}
# "pt-BR", "zh_Hans", "eng_Latn": a language and at least one subtag, as BCP 47 and FLORES write them.
_TAG = re.compile(r"([A-Za-z]{2,3})([-_][A-Za-z0-9]{2,8}){1,3}")
_CODES = {code for code, _ in _PAIRS}


def is_language(heading: str, others: frozenset[str] = frozenset()) -> bool:
    """Whether a heading is the name of a language.

    Args:
        heading: of a column: a tag (``pt-BR``, ``eng_Latn``), or a name, with or without more words
            (``Portuguese (Brazil)``).
        others: more names that count, casefolded.

    >>> [is_language(name) for name in ("de", "zh-Hans", "Brazilian Portuguese", "price", "name", "eng_Latn")]
    [True, True, True, False, False, True]
    """
    lowered = heading.strip().casefold()
    if lowered in _CODES or lowered in others:
        return True
    tag = _TAG.fullmatch(heading.strip())
    if tag and (len(tag[1]) == 3 or tag[1].lower() in _CODES):
        return True
    return any(word in _NAMES or word in others for word in re.findall(r"\w+", lowered) if len(word) > 2)
