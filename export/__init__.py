"""Export formats for trained translators: SavedModel, LiteRT and ONNX, one file each, to come.

The folder is installed as `keras_s2s.export`; import it by that name only.
"""
