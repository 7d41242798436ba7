"""What is said of all plates while one of them is worked on."""

from kinfast.preprocess.over_plates import OverPlates
from kinfast.progress import Silent


class Heard(Silent):
    def __init__(self) -> None:
        self.notes: list[str] = []

    def advance(self, count: int = 1, note: str = "") -> None:
        self.notes.append(note)


def test_the_time_left_is_of_the_sites_left() -> None:
    heard, now = Heard(), [0.0]
    told = OverPlates(heard, [100, 300, 200], clock=lambda: now[0])
    for minutes, note in ((0, ""), (10, "2 quarantined"), (40, "")):
        now[0] = 60.0 * minutes
        told.next_plate()
        told.advance(1, note)
    assert heard.notes == [
        "plate 1 of 3",
        "plate 2 of 3, 50 min left in all, 2 quarantined",
        "plate 3 of 3, 20 min left in all",
    ]


def test_of_a_single_plate_the_bar_says_all() -> None:
    heard = Heard()
    told = OverPlates(heard, [100])
    told.next_plate()
    told.advance(1, "2 quarantined")
    assert heard.notes == ["2 quarantined"]
