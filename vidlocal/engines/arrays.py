"""Array types of the engines. Strings, because importing this module should not import numpy."""

from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Vectors: TypeAlias = "NDArray[np.float32]"  # n x d, or a single vector of d
Samples: TypeAlias = "NDArray[np.float32]"  # 16 kHz mono, -1 to 1
