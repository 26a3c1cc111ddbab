"""Messages: EML, MBOX, Outlook."""
