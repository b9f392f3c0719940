"""Sequence-to-sequence models with attention for Keras 3 and TensorFlow.

A trailing comment such as `# [B, T, V]` names the dimensions of a tensor, outermost first:

    B  sentences in a batch
    S  source tokens, end mark and padding included
    T  target tokens, end mark and padding included
    E  size of an embedding
    U  units of a recurrent layer
    V  size of a vocabulary
    K  beams of a search, or hypotheses of a sentence
    N  rows that a search steps at once: B, or B times K

A public name loads its module when it is first used, so `import keras_s2s` costs nothing.
"""

from pkgutil import extend_path

import lazy_loader

__version__ = "0.1.0"

# In the root of a checkout its keras_s2s/ hides an installed wheel's, which alone holds `export`.
__path__ = extend_path(__path__, __name__)

# The public names stand in __init__.pyi, once, for type checkers and for this.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
