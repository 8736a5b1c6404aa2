// Runs before the first paint, so that a chosen theme never flashes in the other one. console/kit/browser/theme.ts does the rest.
try {
  const theme = localStorage.getItem('waypost:theme')
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme
} catch {
  // storage is blocked
}
