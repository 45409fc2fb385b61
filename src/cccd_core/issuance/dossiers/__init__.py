"""What is handed in: batches, dossiers, their checks. Looks at bytes, believes nothing, decides nothing."""
