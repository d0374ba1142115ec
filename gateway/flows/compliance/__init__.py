"""Acts for auditors: runs of controls, their report, and access reviews."""
