"""The European Central Bank: reference rates of currencies, day by day."""
