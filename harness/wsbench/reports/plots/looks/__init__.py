"""How figures look: colours, panels and legends, and SVG for pages."""
