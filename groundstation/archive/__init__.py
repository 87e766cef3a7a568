"""The archive's file: schema, the one writer, readers. No decisions on what is archived."""
