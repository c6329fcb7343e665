"""What runs where on AWS.

The columns of the lake's tables are declared once, in the product's own package, which is not installed anywhere.
"""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parent.parent / "layers" / "core" / "python"))
