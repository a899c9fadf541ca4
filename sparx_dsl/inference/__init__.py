"""From a trained backbone to one for inference: passes over its modules, each verified."""
