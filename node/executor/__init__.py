"""The seam to a user's own workload: what a job's program is told and says, the processes that it runs in, and what
stands for them on board. The only place of the node where programs are started."""
