"""Data manipulation (ISO 13374): from the channels of a record to clean features on a scale that suits
judging."""
