"""What is done to pixels: preprocessing, drawing, anonymizing."""
