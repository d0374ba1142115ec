"""Acts on what is kept of people: erasures, holds, requests and exports."""
