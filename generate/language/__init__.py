"""Answers written by language models: a prompt, a reply that can only name the context's markers, and what makes a failing model harmless."""
