"""The special ids: the same four in every tokenizer, model and export."""

PAD_ID, UNK_ID, START_ID, END_ID = 0, 1, 2, 3
SPECIAL_IDS = {"pad": PAD_ID, "unk": UNK_ID, "start": START_ID, "end": END_ID}

# How the special ids look among the tokens of a vocabulary. They are names, not text: "<s>" in a
# sentence is three characters like any other.
SPECIAL_PIECES = ("<pad>", "<unk>", "<s>", "</s>")

# What an unknown id becomes in decoded text.
UNKNOWN_TEXT = "⁇"
