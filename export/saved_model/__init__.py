"""SavedModel, for TensorFlow Serving."""
