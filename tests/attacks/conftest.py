"""An identity provider for each attack."""

from tests.idp.conftest import bench

__all__ = ["bench"]
