"""The keeper: from the record log to what lasts. It makes rollups and Parquet files, in a process of its own."""
