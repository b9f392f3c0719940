import dataclasses

import pytest

from keras_s2s.evaluation.by_length import LengthScores, length_table, score_by_length
from keras_s2s.evaluation.scores import score

HYPOTHESES = ["a", "b c", "d e f", "g h i j x"]
REFERENCES = ["a", "b x", "d e f", "g h i j k"]
LENGTHS = [1, 2, 3, 5]


def test_sentences_are_grouped_by_source_length_with_inclusive_edges():
    rows = score_by_length(HYPOTHESES, REFERENCES, LENGTHS, edges=(2, 4))
    assert [(row.shortest, row.longest, row.label) for row in rows] == [
        (0, 2, "up to 2"),
        (3, 4, "3 to 4"),
        (5, None, "over 4"),
    ]
    assert [row.scores.sentences for row in rows] == [2, 1, 1]
    assert rows[0].scores == score(HYPOTHESES[:2], REFERENCES[:2])
    assert rows[2].scores == score(HYPOTHESES[3:], REFERENCES[3:])


def test_groups_without_sentences_are_left_out():
    rows = score_by_length(["a", "b"], ["a", "b"], [0, 99], edges=(5, 10, 20))
    assert [row.label for row in rows] == ["up to 5", "over 20"]


def test_without_edges_there_is_one_group():
    (row,) = score_by_length(HYPOTHESES, REFERENCES, LENGTHS, edges=())
    assert row.label == "all"
    assert row.scores == score(HYPOTHESES, REFERENCES)


def test_several_references_and_the_language_reach_the_scores():
    rows = score_by_length(["a", "b"], [["x", "a"], ["b"]], [1, 9], edges=(5,), language="de")
    assert [row.scores.exact_match for row in rows] == [1, 1]
    assert "moses.de" in rows[0].scores.bleu_lowercased_tokenized_signature


def test_a_row_becomes_plain_values():
    row = score_by_length(["a"], ["a"], [3])[0]
    assert row.to_dict() == {"shortest": 0, "longest": 10, **row.scores.to_dict()}


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"lengths": [1, 2]}, ValueError, "Received: 2 lengths, 4 sentences"),
        ({"lengths": [1, 2, -3, 5]}, ValueError, r"Received: lengths\[2\]=-3"),
        ({"lengths": [1, 2.5, 3, 5]}, TypeError, r"Received: lengths\[1\]=2.5"),
        ({"edges": (5, 3)}, ValueError, r"Received: edges=\(5, 3\)"),
        ({"edges": (0, 3)}, ValueError, "edges must be positive"),
        ({"references": REFERENCES[:3]}, ValueError, "4 hypotheses, 3 references"),
        ({"hypotheses": "abcd"}, TypeError, "hypotheses must be a sequence"),
    ],
)
def test_wrong_arguments_are_named(changes, error, message):
    arguments = {"hypotheses": HYPOTHESES, "references": REFERENCES, "lengths": LENGTHS}
    with pytest.raises(error, match=message):
        score_by_length(**(arguments | changes))


def test_table_shows_every_system_beside_the_others():
    rows = score_by_length(HYPOTHESES, REFERENCES, LENGTHS, edges=(2,))
    perfect = score_by_length(REFERENCES, REFERENCES, LENGTHS, edges=(2,))
    table = length_table(
        {"attention": perfect, "none": rows}, metrics=["exact_match", "token_error_rate", "chrf"]
    )
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()]
    assert cells[0] == [
        *("source tokens", "sentences"),
        *("attention exact_match", "attention token_error_rate", "attention chrf"),
        *("none exact_match", "none token_error_rate", "none chrf"),
    ]
    chrf = f"{rows[0].scores.chrf:.2f}"
    assert cells[2] == ["up to 2", "2", "1.0000", "0.0000", "100.00", "0.5000", "0.3333", chrf]
    assert len({len(line) for line in table.splitlines()}) == 1


def test_table_of_one_system_needs_no_name():
    table = length_table(score_by_length(HYPOTHESES, REFERENCES, LENGTHS))
    assert table.splitlines()[0].split() == (
        "| source tokens | sentences | bleu | chrf | token_error_rate | exact_match |".split()
    )


def test_table_refuses_what_cannot_stand_side_by_side():
    rows = score_by_length(HYPOTHESES, REFERENCES, LENGTHS, edges=(2,))
    others = [*rows[:-1], dataclasses.replace(rows[-1], longest=7)]
    with pytest.raises(ValueError, match="the same sources"):
        length_table({"one": rows, "other": others})
    for nothing in ([], {}, {"one": []}):
        with pytest.raises(ValueError, match="the same sources"):
            length_table(nothing)
    for metric in ("sentences", "bleu_signature", "meteor"):
        with pytest.raises(ValueError, match=f"Received: metrics=\\['{metric}'\\]"):
            length_table(rows, metrics=[metric])


def test_a_row_is_told_apart_by_its_range():
    scores = score(["a"], ["a"])
    assert LengthScores(1, 2, scores) != LengthScores(1, 3, scores)
