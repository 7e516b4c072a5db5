"""State detection (ISO 13374): what is normal for this one asset, and whether it still is."""
