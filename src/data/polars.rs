//! Tables from and to polars: frames, CSV, Parquet, IPC.
