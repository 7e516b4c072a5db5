"""Health assessment (ISO 13374): one number from 0 to 100 out of what detection found."""
