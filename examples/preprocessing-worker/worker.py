"""Cleans a table of support tickets, a batch at a time, and writes what may be trained on."""

from __future__ import annotations

import os
import sys

import pyarrow.csv
import pyarrow.parquet

from wardline.batch import GuardBatch


def clean(source: str, target: str) -> int:
    """Cleans a file of CSV into one of Parquet; how many rows."""
    policy = os.environ.get("WARDLINE_POLICY", "wardline.yaml")
    masked = GuardBatch("data.read", service="tickets", resource="tickets", identity="svc-prep", policy=policy)
    rows = 0
    with pyarrow.csv.open_csv(source) as reader, pyarrow.parquet.ParquetWriter(target, reader.schema) as writer:
        for batch in masked.each(reader):        # each batch: judged, masked, recorded
            writer.write_batch(batch)
            rows += batch.num_rows
    return rows


if __name__ == "__main__":
    print(f"{clean(sys.argv[1], sys.argv[2])} rows cleaned")
