"""Names and targets in the spellings that libraries, encodings and keyboards give them."""

import pytest

from kinfast.plate.annotation.dictionary import describe_table, type_of
from kinfast.plate.annotation.kinases import NON_KINASE, kinase_table
from kinfast.plate.annotation.spelling import bracketed, normalise_text, parent_id, spelled_key, without_salt
from kinfast.plate.annotation.targets import are_symbols, parse_targets, read_mechanism, suggest
from kinfast.plate.tables import read_table

THESIS = {
    "VEGrFR,Src,Raf,Bcr-Abl": {"VEGFR", "SRC", "RAF", "ABL"},
    "ATM/ATR": {"ATM", "ATR"},
    "CDK,AuroraKinase": {"CDK", "Aurora"},
    "Akt,S6kinase": {"AKT", "S6 kinase"},
    "Akt,PDK-1": {"AKT", "PDK-1"},
    "IKK/IKK": {"IKK"},
    "I β /IKK": {"IκB", "IKK"},
    "DUB,Bcr-Abl": {"DUB", "ABL"},
    "c-Met,cKit,PDGFR,Flt,c-RET": {"MET", "KIT", "PDGFR", "FLT", "RET"},
    "DNA-PK,PI3K,mTOR": {"DNA-PK", "PI3K", "mTOR"},
    "S1PReceptor": {"S1P receptor"},
    "cKit,VEGrFR": {"KIT", "VEGFR"},
}
"""Classes of the thesis' Tables 2 and 3 (4.5), as they are printed there."""


@pytest.mark.parametrize("cell", THESIS)
def test_the_thesis_targets_are_sets(cell: str) -> None:
    found = parse_targets(cell)
    assert set(found.names) == THESIS[cell]
    assert not found.unknown
    assert not found.ambiguous


@pytest.mark.parametrize(
    "cell", ["ＰＩ３Ｋ（ｍＴＯＲ）", "PI3K【mTOR】", "mTOR | PI3K", "PI3K、mTOR", "mtor;pi3k", "PI3K and mTOR"]
)
def test_brackets_and_dividers(cell: str) -> None:
    assert parse_targets(cell).names == ("PI3K", "mTOR")


@pytest.mark.parametrize("encoding", ["cp1252", "mac_roman", "latin-1"])
def test_spoilt_greek_is_read_again(encoding: str) -> None:
    """UTF-8 that another program took for its own encoding: `Iβ/IKK` and `GSK-3β` come out as they went in."""
    for text in ("Iβ/IKK", "TGFβR", "PKCα"):
        assert normalise_text(text.encode().decode(encoding)) == text


def test_a_lost_letter_is_unknown_not_guessed() -> None:
    found = parse_targets("I\ufffd/IKK")
    assert found.names == ("IKK",)
    assert found.unknown == ("I\ufffd",)
    assert found.open


def test_a_word_with_two_meanings_is_ambiguous_but_not_in_a_column_of_genes() -> None:
    """PDK1 is the usual word for PDPK1, and the symbol of a pyruvate dehydrogenase kinase."""
    assert parse_targets("PDK1").ambiguous == (("PDK1", ("PDK-1", "PDK1")),)
    assert parse_targets("PDK1", symbols=True).names == ("PDK1",)
    assert kinase_table().groups(["PDK-1", "PDK1"]) == ("AGC", "atypical")


def test_unknown_words_are_kept_and_likely_names_offered() -> None:
    found = parse_targets("EGFR, Aurorra kinase")
    assert found.names == ("EGFR",)
    assert found.unknown == ("Aurorra kinase",)
    assert suggest("Aurorra kinase")[0] == "Aurora"


def test_what_is_not_known_to_be_a_target_stays_open() -> None:
    assert parse_targets("EGFR|JAK?").possible == ("JAK",)
    assert parse_targets("EGFR|?").open
    assert not parse_targets("EGFR").open
    assert parse_targets("Others").open
    assert parse_targets("Others").names == ()


@pytest.mark.parametrize("cell", ["EGFR|JAK?", "EGFR|?", "EGFR, Aurorra kinase", "ATM/ATR", "Others"])
def test_a_set_reads_back_what_it_wrote(cell: str) -> None:
    once = parse_targets(cell)
    assert parse_targets(once.text) == once


def test_columns_of_gene_symbols() -> None:
    assert are_symbols(["CACNA1A|CACNA1B", "ADRA2A|CALY|DRD1"])
    assert not are_symbols(["VEGrFR,Src,Raf", "CDK"])
    assert parse_targets("CACNA1A|BTK", symbols=True).names == ("BTK", "CACNA1A")
    assert kinase_table().group("CACNA1A") == NON_KINASE


def test_mechanisms_name_kinases() -> None:
    assert read_mechanism("Aurora kinase inhibitor|EGFR inhibitor") == ("Aurora", "EGFR")
    assert read_mechanism("antihistamine") == ()


def test_the_shipped_table() -> None:
    """Source of the groups: Manning et al. 2002; every symbol has one group, 518 protein kinases and the lipid ones."""
    table = kinase_table()
    groups = {name: table.group(name) for name in ("KDR", "BRAF", "MAP2K1", "CSNK1D", "AKT1", "CHEK1", "CDK2", "MTOR")}
    assert list(groups.values()) == ["TK", "TKL", "STE", "CK1", "AGC", "CAMK", "CMGC", "atypical"]
    assert table.group("PIK3CA") == "lipid"
    assert table.group("AURKA") == "other"
    assert 500 <= sum(table.rows[target].group != NON_KINASE for target in table.genes.values()) <= 560
    symbols = [gene for row in table.rows.values() for gene in row.genes]
    assert len(symbols) == len(set(symbols))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("GSK-3 β", "GSK3beta"),
        ("Cytochalasin-B", "cytochalasin B"),
        ("SB‑202190", "sb 202190"),
        ("Ｉｍａｔｉｎｉｂ", "imatinib"),
        ("AT-7519", "AT7519"),
    ],
)
def test_one_key_for_one_name(one: str, other: str) -> None:
    assert spelled_key(one) == spelled_key(other)


def test_isomers_keep_their_sign() -> None:
    assert spelled_key("(+)-JQ1") != spelled_key("(-)-JQ1")


@pytest.mark.parametrize(
    ("name", "bare"),
    [
        ("Imatinib Mesylate", "imatinib"),
        ("Sunitinib malate salt", "sunitinib"),
        ("Gefitinib·2HCl", "gefitinib"),
        ("Quinine hydrochloride dihydrate", "quinine"),
        ("Sodium", "sodium"),
    ],
)
def test_salts_go(name: str, bare: str) -> None:
    assert without_salt(name) == bare


def test_names_within_names() -> None:
    assert bracketed("Bosutinib (SKI-606)") == ("Bosutinib", "SKI-606")
    assert bracketed("(R)-baclofen") == ()
    assert bracketed("CX-4945 (S)") == ()
    assert parent_id("BRD-K80935598-001-01-1") == "brd-k80935598"
    assert parent_id("BRD-K80935598") is None


def test_a_dictionary_says_type_unit_values_and_gaps(tmp_path) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "t.csv").write_text("well,conc_nM,ok,note\nB02,10,yes,\nB03,2.5,no,x\n")
    rows = {row["column"]: row for row in describe_table(read_table(tmp_path / "t.csv"), "t.csv")}
    assert (rows["well"]["dtype"], rows["well"]["meaning"]) == ("well", "well")
    assert (rows["conc_nM"]["dtype"], rows["conc_nM"]["unit"], rows["conc_nM"]["maximum"]) == ("number", "nM", "10")
    assert rows["ok"]["values"] == "no; yes"
    assert rows["note"]["missing"] == 1
    assert type_of(["007"]) == "number"
    assert type_of(["1", "20"]) == "integer"
    assert type_of([]) == "empty"
