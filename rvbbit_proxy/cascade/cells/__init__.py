"""The kinds of cells, and the ways of asking a model.

llm     a question to a model, asked again with the error as feedback until the answer is valid
batch   several inputs in one question
block   pairs of inputs in one question
reduce  a group too large for one question: asked in parts, then about the answers
trait   a deterministic step in Python
"""
