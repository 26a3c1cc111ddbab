"""Ingestion: `plan` makes the tasks of a job, `reading` reads and parses the files of a window, `embedding` splits and embeds them,
`worker` takes windows from the queue and publishes what is done, `direct` takes documents that are composed already.

Each step hands typed records to the next, and none starts itself.
"""
