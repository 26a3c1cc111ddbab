"""From public questions and free text to what the models are trained on; nothing here serves."""
