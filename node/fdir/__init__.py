"""The FDIR table of a design: which rows it gets by rule, and what a design or a scenario changes in them.
Data only: what a row does on board is flight software's."""
