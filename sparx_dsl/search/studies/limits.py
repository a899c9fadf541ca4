"""Sizes, counts and times that a study keeps to."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StudyLimits:
    """Limits of one study, which all of its workers must have in common; times are in seconds."""

    journal_bytes: int = 4 * 2**30
    """Size of a journal beyond which it is neither read nor written."""
    worker_crashes: int = 5
    """Workers that one trial may cost before it has failed: by then it is the trial that ends them."""
    crashes_without_progress: int = 5
    """Workers that may crash one after the other without a trial begun."""
    poll_s: float = 0.2
    """Between two looks at workers, at a cluster, or at a study whose remaining trials run elsewhere."""
    terminate_s: float = 5.0
    """For a worker process to end by itself before it is killed."""
    database_s: float = 60.0
    """For another process to finish writing to a database."""
    connect_s: float = 10.0
    """For a Ray cluster to accept a connection."""
    lock_expiry_s: float = 30.0
    """After which a lock that another machine holds is taken over."""
    heartbeat_s: float = 5.0
    """Between two heartbeats of a worker."""
    heartbeat_expiry_s: float = 60.0
    """Without a heartbeat, after which a worker on another machine counts as dead."""
