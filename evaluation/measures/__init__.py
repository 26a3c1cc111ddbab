"""What is counted: of rankings, spans, answers and abstentions, and how sure a difference is."""
