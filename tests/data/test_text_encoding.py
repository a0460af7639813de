"""Files that are not UTF-8: read where a mark tells how, else the advice gives the right text."""

import re
import shutil
import subprocess

import pytest

from pennyweight.data.input_size import volume
from pennyweight.data.readers.plausible_text import plausibility
from pennyweight.data.tables import read_table
from pennyweight.errors import DataError

TEXTS = {
    "French": "Crème brûlée, été, Misérables, naïve, œuvre d’art",
    "German": "Größe, Müller, Straße, Äpfel, schöne Grüße",
    "names": "Björk, Sigur Rós, Motörhead, Céline, Beyoncé, Håkan, Mötley Crüe, Édith",
    "Polish": "Łódź, żółw, gęś, książka, dzień dobry",
    "Czech": "Příliš žluťoučký kůň úpěl ďábelské ódy",
    "Hungarian": "Árvíztűrő tükörfúrógép, női cipő",
    "Turkish": "Kadın ayakkabısı, çocuk, güzel şişe, İstanbul",
    "Russian": "Красивые туфли для женщин, Война и мир, КНИГА",
    "Greek": "Καλημέρα κόσμε, παπούτσια γυναικεία",
    "Arabic": "مرحبا بالعالم أحذية نسائية",
    "Japanese": "赤い靴と青い空、ハンドバッグ 日本語テキスト",
    "Chinese": "红色女鞋 时尚连衣裙 中国制造 手机壳",
    "Korean": "빨간 여성 신발 한국어 텍스트",
    "signs": "Levi’s jeans – “best” £5",
}
OF = [
    ("French", "cp1252", "WINDOWS-1252"),
    ("French", "mac_roman", "MACINTOSH"),
    ("German", "latin-1", "WINDOWS-1252"),
    ("German", "cp850", "CP850"),
    ("names", "latin-1", "WINDOWS-1252"),
    ("signs", "cp1252", "WINDOWS-1252"),
    ("Polish", "cp1250", "WINDOWS-1250"),
    ("Polish", "iso8859_2", "ISO-8859-2"),
    ("Czech", "cp1250", "WINDOWS-1250"),
    ("Hungarian", "cp1250", "WINDOWS-1250"),
    ("Turkish", "cp1254", "WINDOWS-1254"),
    ("Russian", "cp1251", "WINDOWS-1251"),
    ("Russian", "koi8_r", "KOI8-R"),
    ("Russian", "cp866", "CP866"),
    ("Greek", "cp1253", "WINDOWS-1253"),
    ("Arabic", "cp1256", "WINDOWS-1256"),
    ("Japanese", "cp932", "CP932"),
    ("Japanese", "euc_jp", "EUC-JP"),
    ("Chinese", "gbk", "GB18030"),
    ("Korean", "cp949", "CP949"),
]


def refused(path) -> str:
    with pytest.raises(DataError) as error:
        read_table(path)
    return str(error.value)


@pytest.mark.parametrize(("language", "codec", "name"), OF)
def test_the_advice_shows_the_right_text_and_its_command_makes_it(
    tmp_path, language, codec, name, monkeypatch
):
    titles = TEXTS[language].split(", ")
    lines = [f"{n};{title}" for n, title in enumerate(["plain", *titles])]
    path = tmp_path / "items list.csv"
    path.write_bytes("\n".join(["id;title", *lines, ""]).encode(codec))
    message = refused(path)
    command = message[message.index("iconv -f") :]
    assert command.startswith(f"iconv -f {name} ")
    excerpts = dict(re.findall(r"([A-Z0-9-]+) \((?:such as )?['\"](.*?)['\"]\)", message))
    assert len(excerpts) <= 4
    assert excerpts[name].partition(";")[2] in titles
    if shutil.which("iconv"):
        monkeypatch.chdir(tmp_path)
        subprocess.run(command, shell=True, check=True)
        frame, _ = read_table("utf8-items list.csv")
        assert frame["title"].to_list() == ["plain", *titles]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "utf-8-sig"])
@pytest.mark.parametrize("name", ["items.csv", "items.jsonl"])
def test_marked_encodings_are_read(tmp_path, encoding, name):
    text = (
        "id,title\n1,Größe\n2,книга\n"
        if name.endswith("csv")
        else ('{"id": "1", "title": "Größe"}\n{"id": "2", "title": "книга"}\n')
    )
    path = tmp_path / name
    path.write_bytes(text.encode(encoding))
    frame, notes = read_table(path, table="items")
    assert frame.rows() == [("1", "Größe"), ("2", "книга")]
    reasons = [f"read as {encoding.upper()}"] if encoding != "utf-8-sig" else []
    assert [note.reason for note in notes] == reasons
    as_utf8 = tmp_path / f"utf8-{name}"
    as_utf8.write_text(text, encoding="utf-8")
    assert volume(path, None).items == volume(as_utf8, None).items


def test_a_few_damaged_lines_of_utf_8_are_no_other_encoding(tmp_path):
    path = tmp_path / "t.csv"
    good = "".join(f"{n},crème {n}\n" for n in range(20)).encode()
    path.write_bytes(b"id,title\n" + good + b"20,cr\xc3\n21,caf\xe9s\n")
    message = refused(path)
    assert "WINDOWS" not in message and "UTF-8 (20 of 22), so 2 are damaged" in message
    assert "iconv -c -f UTF-8 -t UTF-8" in message


def test_bytes_that_are_no_text_in_any_encoding_name_none(tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes(b"id,title\n1,a\x81\x8db\xfe\xffc\x9dd\n")
    assert "In none of the usual encodings" in refused(path)


@pytest.mark.parametrize(
    ("text", "codec"),
    [
        ("Mьller", "cp1251"),
        ("cafÈ", "mac_roman"),
        ("¿ó³w", "cp1252"),
        ("Ïðèâåò", "cp1252"),
        ("пРИВЕТ", "koi8_r"),
        ("Ł12", "cp1250"),
        ("caf‚", "cp1252"),
        ("鐭ュ拱", "gb18030"),
    ],
)
def test_what_people_do_not_write_is_implausible(text, codec):
    assert plausibility([text], codec) < 0.8
