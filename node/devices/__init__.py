"""The seam between plant and flight software:
truth becomes readings, orders become input of the plant. No decisions."""
