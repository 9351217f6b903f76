"""Pure tensor mathematics: every published formula is one function here, plus statistics that can be merged.

Tensors in, numbers out: nothing here loads a model or touches a file. Work in double precision stays on the tensor's
device, except on Apple's, which has none: there it moves to the CPU, and so does the result.
"""
