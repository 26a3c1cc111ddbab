"""What runs the models that read text: one place for PyTorch, OpenVINO and ONNX Runtime, chosen by measurement.

A stage says what its network computes (`Network`) and reads the outputs; how it is run on this machine is decided here.
"""
