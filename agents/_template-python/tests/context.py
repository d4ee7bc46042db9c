"""A context for a job under test: `signal` can be set, `records` be read."""
from __future__ import annotations

from typing import Any

from scaffold.context import Context


def context(dry_run: bool = False, **config: Any) -> Context:
    ids = {'workflowId': 'test', 'stepId': 'only', 'runId': '00000000-0000-0000-0000-000000000001'}
    return Context({**ids, 'config': {'dryRun': dry_run, **config}})
