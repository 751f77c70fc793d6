"""The dossier 一井一档案: every asset and sensor, and all that was ever done to them."""
