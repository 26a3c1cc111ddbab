"""What is asked and judged: readers, writers and makers of topics, qrels and runs."""
