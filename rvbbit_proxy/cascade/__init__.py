"""Cascades: pipelines of model calls and deterministic steps, in YAML.

source    a YAML file whose faults know their line
spec      what a cascade is: frozen models
load      files to specs: references, templates, versions
template  prompts from templates, sandboxed, data kept apart from instructions
output    one answer to one typed value
batch     several inputs in one prompt, and their answers
block     pairs of inputs in one prompt, each text once, and the pairs that match
runtime   what runs need and tell: Runtime, RunEnded, Run
spans     timed units on the ledger
lifecycle a run's session row, span and observers
inputs    a run's inputs, checked
together  several pieces of a run at once
cells/    the kinds of cells, and of asking: single, batch, block, reduce
traits    the deterministic steps that ship with us
fold      a group too large for one prompt
run       one run: run_cascade, run_batch
check     a cascade's own test cases
"""
