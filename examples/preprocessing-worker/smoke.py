"""Cleans the sample, shows what came of it, and ends with an error where anything is not as expected."""

from __future__ import annotations

import json
import subprocess
import sys

import pyarrow.parquet
from worker import clean

from wardline import Guard, WardlineError
from wardline.batch import GuardBatch

assert clean("tickets.csv", "clean.parquet") == 3
table = pyarrow.parquet.read_table("clean.parquet")
print(*table.to_pylist(), sep="\n")
customers = table["customer"].to_pylist()
assert customers[0] == customers[2] != customers[1] and "@" not in str(customers), "one customer is still one"
assert table["body"].to_pylist()[:2] == ["I am [PERSON_NAME], please call [PHONE]", "My card [CREDIT_CARD] was charged twice"]
assert table["internal_note"].to_pylist() == [None, None, None]

guard = Guard("wardline.yaml")
raw = GuardBatch("data.export", service="tickets", resource="tickets", identity="svc-prep", guard=guard)
try:
    raw(pyarrow.table({"body": ["as it is"]}))
    sys.exit("a raw export passed without a grant")
except WardlineError as refused:
    print(f"a raw export: {refused.code}")
guard.flush()

audit = [sys.executable, "-m", "wardline", "audit", "query", "--policy", "wardline.yaml", "--json"]
records = [json.loads(line) for line in subprocess.run(audit, check=True, capture_output=True, text=True).stdout.splitlines()]
told = next(found for found in (record.get("record", record) for record in records) if found.get("response"))
print("recorded:", told["response"]["census"], told["response"]["totals"])
assert told["response"]["census"]["rows"] == 3 and "rosa" not in str(records)
print("all as expected")
