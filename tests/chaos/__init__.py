"""The fault harness: numbered moves through real servers and real processes while these are killed, frozen and restarted; it ends with a ledger of what became of every move."""
