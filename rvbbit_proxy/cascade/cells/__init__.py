"""The kinds of cells.

llm     a question to a model, asked again with the error as feedback until the answer is valid
trait   a deterministic step in Python
"""
