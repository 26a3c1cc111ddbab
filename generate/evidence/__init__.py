"""How strongly a context answers a question: its sentences in numbers, the context in numbers, and what follows from them."""
