"""Options of several words."""

from kinfast.cli.options import split_words


def test_words_are_a_csv_row_and_may_be_repeated() -> None:
    assert split_words(None) is None
    assert split_words(["B02,B03", " B04 "]) == ["B02", "B03", "B04"]
    assert split_words(['"P,1", P2']) == ["P,1", "P2"]
