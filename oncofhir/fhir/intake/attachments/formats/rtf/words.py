"""Control words of RTF that represent text, destinations, and character sets.

Source: Rich Text Format (RTF) Specification, version 1.9.1.
"""

WORDS = {
    "par": "\n",
    "line": "\n",
    "sect": "\n\n",
    "page": "\n\n",
    "row": "\n",
    "nestrow": "\n",
    "tab": "\t",
    "cell": "\t",
    "nestcell": "\t",
    "emdash": "\u2014",
    "endash": "\u2013",
    "emspace": "\u2003",
    "enspace": "\u2002",
    "qmspace": "\u2005",
    "bullet": "\u2022",
    "lquote": "\u2018",
    "rquote": "\u2019",
    "ldblquote": "\u201c",
    "rdblquote": "\u201d",
}
ROWS = frozenset({"row", "nestrow"})
# An optional hyphen (`\-`) is invisible within a line, so it has no text.
SYMBOLS = {"~": "\xa0", "_": "-", "{": "{", "}": "}", "\\": "\\", "\n": "\n", "\r": "\n"}
# Properties of characters whose text a reader does not see, or sees as taken back.
UNSEEN = frozenset({"deleted", "strike", "striked", "v", "mvf"})
# Destinations that hold visible text, though other readers may skip them (`\*`).
VISIBLE = frozenset({"shpinst", "do", "ud", "result", "nesttableprops"})
NOTES = frozenset({"footnote", "annotation", "shptxt", "dptxbxtext"})
# Page headers and footers. Those of the first page (f) are shown with \titlepg only, those of left and right
# pages (l, r) with \facingp only.
HEADERS = frozenset({"header", "headerf", "headerl", "headerr"})
FOOTERS = frozenset({"footer", "footerf", "footerl", "footerr"})
MARGINS = HEADERS | FOOTERS
SWITCHES = frozenset({"titlepg", "facingp"})
# fmt: off
SKIPPED = frozenset(
    {
        "atndate", "atnid", "atnauthor", "atnicn", "atnparent", "atnref",
        "atntime", "atrfend", "atrfstart", "author", "bkmkend", "bkmkstart",
        "buptim", "category", "colortbl", "comment", "company", "creatim",
        "datafield", "doccomm", "fldinst", "fname", "fontemb", "fontfile",
        "ftncn", "ftnsep",
        "ftnsepc", "aftncn", "aftnsep", "aftnsepc", "generator",
        "hlinkbase", "info", "keywords",
        "listtable", "listoverridetable", "manager", "nonesttables", "objalias", "objclass",
        "objdata", "objname", "objsect", "operator", "pict", "pn",
        "pntxta", "pntxtb", "printim", "private", "revtbl", "revtim",
        "rsidtbl", "rxe", "shppict", "shprslt", "sn", "sp",
        "stylesheet", "subject", "sv", "tc", "template", "themedata",
        "title", "txe", "upr", "xe",
    }
)
# fmt: on
# \fcharset of the font table, to the code page of its text; 1 (default) is the document's own.
CODE_PAGES = {
    0: "cp1252",
    77: "mac_roman",
    128: "cp932",
    129: "cp949",
    130: "johab",
    134: "gbk",
    136: "big5",
    161: "cp1253",
    162: "cp1254",
    163: "cp1258",
    177: "cp1255",
    178: "cp1256",
    186: "cp1257",
    204: "cp1251",
    222: "cp874",
    238: "cp1250",
    254: "cp437",
    255: "cp850",
}
