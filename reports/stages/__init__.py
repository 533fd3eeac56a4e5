"""The stages of the main job, one room each."""

from reports.stages.layers import check_layers
from reports.stages.network import check_network
from reports.stages.trained import train

__all__ = ["check_layers", "check_network", "train"]
