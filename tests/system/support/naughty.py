# SPDX-License-Identifier: Apache-2.0
"""Some six hundred strings that software tends to spoil. None holds NUL or a lone surrogate: those
are refused at the door and tested there."""

WRITTEN = [
    # what other languages take for nothing, or for something
    "null",
    "NULL",
    "nil",
    "None",
    "undefined",
    "true",
    "false",
    "NaN",
    "Infinity",
    "-Infinity",
    "0",
    "-0",
    "1e400",
    "0x7f",
    "1_000",
    "01",
    "9223372036854775808",
    "1.7976931348623157e309",
    "[object Object]",
    "hasOwnProperty",
    "__proto__",
    "constructor",
    "toString",
    "\\N",
    "\\.",
    # quoting, SQL, shells, templates, paths
    "'",
    "''",
    '"',
    '""',
    "`",
    "\\",
    "\\\\",
    "\\'",
    '\\"',
    "';--",
    "'; DROP TABLE events; --",
    "1' OR '1'='1",
    "$1",
    "$$;$$",
    "%s%n%x%d",
    "%00",
    "%2e%2e%2f",
    "{0}",
    "{{7*7}}",
    "${7*7}",
    "#{7}",
    "$(touch /tmp/x)",
    "`id`",
    "|| true",
    "& dir",
    "; ls",
    "../../../../etc/passwd",
    "C:\\CON",
    "/dev/null",
    "COM1",
    "file:///etc/passwd",
    "\\u0041",
    "\\x41",
    "&#65;",
    "%41",
    "=cmd|' /C calc'!A0",
    "@SUM(1+1)",
    # markup
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "</title><svg onload=alert(1)>",
    "<!--",
    "-->",
    "]]>",
    "<?xml version='1.0'?><!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]>",
    "javascript:alert(1)",
    '<a href="javascript:x">',
    "&lt;b&gt;",
    "<b",
    "\u2028</script>\u2029",
    # headers and logs
    "a\r\nSet-Cookie: x=1",
    "a\nlevel=error msg=forged",
    "a\rb",
    "\x1b[31mred\x1b[0m",
    "\x07",
    "\x7f",
    'key=value key2="v"',
    "\t",
    " ",
    "  leading and trailing  ",
    "a\u0085b",
    # people's texts
    "Iñtërnâtiônàlizætiøn☃💫",
    "田中さんにあげて下さい",
    "사회과학원 어학연구소",
    "Σίσυφος ς",
    "ЁЂЃЄЅІЇЈЉЊЋЌЍЎЏ",
    "הָיְתָהtestالصفحات",
    "مُنَاقَشَةُ سُبُلِ",
    "ไม่ทราบ",
    "नमस्ते",
    "İıŞş",
    "ß ẞ SS",
    "ﬀ ﬁ ﬂ ﬃ",
    "Å Å Å",
    "é e\u0301",
    "👨\u200d👩\u200d👧\u200d👦",
    "🇩🇪🇯🇵",
    "👍🏿",
    "1️⃣",
    "Z͑ͫ̓ͪ̂ͫ̽͏̴̙̤̞͉͚̯̞̠͍A̴̵̜̰͔ͫ͗͢L̠ͨͧͩ͘G̴̻͈͍͔̹̑͗̎̅͛́Ǫ̵̹̻̝̳͂̌̌͘!͖̬̰̙̗̿̋ͥͥ̂ͣ̐́́͜͞",
    "˙ɐnbᴉlɐ ɐuƃɐɯ",
    "𝕿𝖍𝖊 𝖖𝖚𝖎𝖈𝖐",
    "(╯°□°）╯︵ ┻━┻)",
    "\u202etest\u202c",
    "\u2066a\u2069",
    "\ufeffbom",
    "a\ufeff",
    "\u200b",
    "\u00ad",
    "\u2060",
    "\u180e",
    "\u3164",
]

CONTROLS = [chr(code) for code in (*range(0x01, 0x20), *range(0x7F, 0xA0))]
SPACES = [
    chr(code)
    for code in (0xA0, 0x1680, *range(0x2000, 0x2010), 0x2028, 0x2029, 0x202F, 0x205F, 0x3000)
]
BIDI = [chr(code) for code in (*range(0x202A, 0x202F), *range(0x2066, 0x206A))]
# The first and last code points of each length in UTF-8, around the surrogates, and of each plane.
EDGES = [0x7F, 0x80, 0x7FF, 0x800, 0xD7FF, 0xE000, 0xFDD0, 0xFDEF, 0xFFFD, 0xFFFE, 0xFFFF, 0x10000]
EDGES += [plane * 0x10000 + low for plane in range(1, 17) for low in (0, 0xFFFE, 0xFFFF)]


def strings():
    """All of them, each once."""
    found = list(WRITTEN)
    for special in CONTROLS + SPACES + BIDI + [chr(code) for code in EDGES]:
        found += [special, f"a{special}b", f"{special * 3}"]
    found += ["x" * length for length in (255, 256, 257, 1023, 4096, 16384)]
    found += [letter * 4000 for letter in ("é", "田", "💫", "\\", '"', "\n", "\x01")]
    return list(dict.fromkeys(found))
