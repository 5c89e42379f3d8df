"""Long work that sessions share: started once for each question, watched by any number of sessions, one at a time.

A page that needs minutes of model work (five precisions of one model, one pass for each layer) asks for a `Job`. The
work is an iterator of the library: what it yields is kept, the newest is what the pages draw, and closing it stops it.
Jobs run one after another, in the order in which they were asked for: two of them would need the memory of two. One
that nobody looks at any more, as of a text that was typed on, gives way to the next. Several front ends share results
where they have a folder for them (`ui.base.kept`): what one of them computes, the others wait for.
"""

from ui.base.jobs.one import Job
from ui.base.jobs.turns import Jobs, job, server_jobs
from ui.base.jobs.watching import watch

__all__ = ["Job", "Jobs", "job", "server_jobs", "watch"]
